"""Payments as a batch of WeChat Pay's merchant transfers (POST /v3/transfer/batches): JSON, amounts in fen."""

import json

from services.settlement.payment_files.payment_file import REMARK, PaymentOrder


def write_wechat(order: PaymentOrder) -> bytes:
    """The request's body. Whoever sends it encrypts each user_name with WeChat Pay's public key, as it asks."""
    details = [
        {
            "out_detail_no": payout.id,
            "transfer_amount": payout.amount_minor,
            "transfer_remark": REMARK,
            "openid": payee.account,
            "user_name": payee.name,
        }
        for payout, payee in order.payments()
    ]
    body = {
        "appid": order.payer.wechat_appid,
        "out_batch_no": order.plan.reference,
        "batch_name": REMARK,
        "batch_remark": REMARK,
        "total_amount": order.plan.amount_minor,
        "total_num": len(details),
        "transfer_detail_list": details,
    }
    return (json.dumps(body, ensure_ascii=False, indent=1) + "\n").encode()
