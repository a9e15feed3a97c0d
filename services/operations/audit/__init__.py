"""The rules of settling written a second time, over the public topics alone, to prove what the first did.

It imports nothing of the services that it audits; plain code, one small file a rule.
"""
