"""Severing: the link of a buyer to order lines can be cut in the books, and nothing else of them changes by it.

Journal and commands stay immutable but for one function, which a personal login in koc_operator may call. It puts a
surrogate where a buyer's id stood; two triggers hold that it touches nothing else. No table or column changes, so code
of 0007 works on this schema until the first buyer is severed: it does not know where later assertions belong.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from services.kernel.errors import InvariantBroken

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

IMMUTABLE = """
CREATE OR REPLACE FUNCTION {table}_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND current_setting('koc.severing', true) = 'on' THEN RETURN NULL; END IF;
  RAISE EXCEPTION '{sentence}', TG_OP USING ERRCODE = 'restrict_violation'; END $$
"""
BEFORE = """
CREATE OR REPLACE FUNCTION {table}_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '{sentence}', TG_OP USING ERRCODE = 'restrict_violation'; END $$
"""
SENTENCES = {
    "journal": "the journal is immutable: % refused; a correction is a new entry",
    "command": "commands are immutable: % refused; a correction is a new command",
}

CUTS_ONLY = (
    r"""
CREATE FUNCTION journal_is_only_severed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE same journal := NEW;
BEGIN
  same.idem_key := OLD.idem_key;
  IF same IS DISTINCT FROM OLD
    OR NEW.idem_key !~ '/[^|/]+/[+~]severed-[a-z2-7]{26}([|]|$)'
    OR OLD.idem_key ~ '/[^|/]+/[+~]severed-[a-z2-7]{26}([|]|$)'
    OR regexp_replace(NEW.idem_key, '(/[^|/]+/)[^|/]+', '\1') <> regexp_replace(OLD.idem_key, '(/[^|/]+/)[^|/]+', '\1')
  THEN
    RAISE EXCEPTION 'row %-% of the journal: more than a buyer''s id would change', OLD.writer, OLD.seq
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$
""",
    """
CREATE FUNCTION command_is_only_severed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE same command := NEW;
BEGIN
  same.body := OLD.body;
  same.result := OLD.result;
  IF same IS DISTINCT FROM OLD OR OLD.kind NOT IN ('line.quarantined', 'line.released', 'lines.rerated') THEN
    RAISE EXCEPTION 'command %: more than a buyer''s id would change', OLD.seq USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$
""",
    *(
        statement.format(table=table)
        for table in SENTENCES
        for statement in (
            """
CREATE TRIGGER {table}_is_only_severed BEFORE UPDATE ON {table} FOR EACH ROW
WHEN (current_setting('koc.severing', true) = 'on') EXECUTE FUNCTION {table}_is_only_severed()
""",
            "ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_is_only_severed",
        )
    ),
)

SEVER = r"""
CREATE FUNCTION sever_lines(buyer text, surrogate text, number int, orders text[], lines text[]) RETURNS bigint[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET enable_hashjoin = off AS $$
#variable_conflict use_column
DECLARE old_names text[]; new_names text[]; touched bigint[];
BEGIN
  IF $2 !~ '^[+~]severed-[a-z2-7]{26}$' OR $1 ~ '^[+~]severed-[a-z2-7]{26}$' THEN
    RAISE EXCEPTION 'a surrogate takes the place of a buyer once' USING ERRCODE = 'restrict_violation';
  END IF;
  SELECT array_agg(o || '/' || l || '/' || $1), array_agg(o || '/' || l || '/' || $2) INTO old_names, new_names
  FROM unnest($4, $5) AS w (o, l);
  PERFORM set_config('koc.severing', 'on', true);

  UPDATE journal SET idem_key = left(replace(idem_key || '|', '|' || old_name || '|', '|' || new_name || '|'), -1)
  FROM unnest($4, $5, old_names, new_names) AS w (o, l, old_name, new_name)
  WHERE order_id = o AND line_id = l AND strpos(idem_key || '|', '|' || old_name || '|') > 0;

  WITH one AS (
    SELECT seq, coalesce(body ->> 'line', body ->> 'scope') AS name FROM command
    WHERE kind IN ('line.quarantined', 'line.released', 'lines.rerated')
  ), cut AS (
    UPDATE command SET
      body = CASE WHEN name = ANY (old_names)
        THEN replace(body::text, '/' || $1 || '"', '/' || $2 || '"')::jsonb ELSE body END,
      result = CASE WHEN result ->> 'owner' = $1 THEN jsonb_set(result, '{owner}', to_jsonb($2)) ELSE result END
    FROM one
    WHERE command.seq = one.seq AND (name = ANY (old_names) OR result ->> 'owner' = $1 AND EXISTS (
      SELECT FROM unnest($4, $5) AS w (o, l) WHERE o || '/' || l = substring(name FROM '^[^/]+/[^/]+')))
    RETURNING command.seq
  )
  SELECT coalesce(array_agg(seq ORDER BY seq), '{}') INTO touched FROM cut;
  PERFORM set_config('koc.severing', 'off', true);

  UPDATE line SET buyer_id = $2 FROM unnest($4, $5) AS w (o, l) WHERE order_id = o AND line_id = l AND buyer_id = $1;
  UPDATE assertion SET buyer_id = $2 FROM unnest($4, $5) AS w (o, l)
  WHERE order_id = o AND line_id = l AND buyer_id = $1;
  UPDATE due SET buyer_id = $2 FROM unnest($4, $5) AS w (o, l)
  WHERE partition = $3 AND order_id = o AND line_id = l AND buyer_id = $1;
  UPDATE run_line SET buyer_id = $2 FROM run, unnest($4, $5) AS w (o, l)
  WHERE run_line.run = run.id AND partition = $3 AND order_id = o AND line_id = l AND buyer_id = $1;
  UPDATE bonus_slot SET buyer_id = $2 FROM unnest($4, $5) AS w (o, l)
  WHERE order_id = o AND line_id = l AND buyer_id = $1;
  UPDATE budget_line SET buyer_id = $2 FROM unnest($4, $5) AS w (o, l)
  WHERE order_id = o AND line_id = l AND buyer_id = $1;
  UPDATE payout SET kept = (
    SELECT array_agg(coalesce(new_names[array_position(old_names, name)], name) ORDER BY place)
    FROM unnest(kept) WITH ORDINALITY AS k (name, place)
  ) WHERE kept && old_names;
  UPDATE run_progress SET last_key[3] = $2
  WHERE partition = $3 AND array_to_string(last_key, '/') = ANY (old_names);
  UPDATE reprice_progress SET last_key[3] = $2
  WHERE partition = $3 AND array_to_string(last_key, '/') = ANY (old_names);
  DELETE FROM compatible_code WHERE revision < '0008';
  RETURN touched;
END $$
"""

RIGHTS = (
    "REVOKE EXECUTE ON FUNCTION sever_lines FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION sever_lines TO koc_operator",
)
USED = "SELECT count(*) FROM command WHERE kind = 'buyer.severed'"


def upgrade() -> None:
    """Add the function, and let journal and commands be changed by it alone."""
    for table, sentence in SENTENCES.items():
        op.execute(IMMUTABLE.format(table=table, sentence=sentence))
    for statement in (*CUTS_ONLY, SEVER, *RIGHTS):
        op.execute(statement)
    op.execute("INSERT INTO compatible_code (revision) VALUES ('0008')")


def downgrade() -> None:
    """Go back, as long as nobody was severed."""
    if op.get_bind().execute(sa.text(USED)).scalar_one():
        raise InvariantBroken("buyers were severed: revision 0007 takes their rows for damaged ones")
    op.execute("DELETE FROM compatible_code WHERE revision = '0008'")
    op.execute("DROP FUNCTION sever_lines")
    for table, sentence in SENTENCES.items():
        op.execute(f"DROP TRIGGER {table}_is_only_severed ON {table}")
        op.execute(f"DROP FUNCTION {table}_is_only_severed")
        op.execute(BEFORE.format(table=table, sentence=sentence))
