"""Books that are large within minutes: rows that the real processes have written, copied by SQL under other names.

A template is what tables hold at one moment. Rows of a copy differ by its number `n` in the expressions that the caller
gives; every other column is the template's.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from psycopg import Connection

_COPIES_AT_ONCE = 25


def keep_template(owner: Connection[Any], name: str, tables: Iterable[str]) -> None:
    """Keep tables as they are now, as the template of this name.

    Args:
        owner: of the owner role, autocommitting.
        name: a schema that is not there yet.
        tables: of the books.
    """
    owner.execute(f"CREATE SCHEMA {name}")
    for table in tables:
        owner.execute(f"CREATE TABLE {name}.{table} AS SELECT * FROM public.{table}")


def copy_rows(owner: Connection[Any], template: str, table: str, own: Mapping[str, str], numbers: range) -> None:
    """Copy a template's rows of a table, once for each number.

    Args:
        owner: of the owner role, autocommitting.
        template: its name.
        table: of the books.
        own: SQL expressions of `n` and the row's columns, by column.
        numbers: one after another.
    """
    row = owner.execute(f"SELECT * FROM {template}.{table} LIMIT 0")
    columns = [column.name for column in row.description or ()]
    copied = ", ".join(own.get(column, f'"{column}"') for column in columns)
    into = ", ".join(f'"{column}"' for column in columns)
    for start in range(numbers.start, numbers.stop, _COPIES_AT_ONCE):
        some = start, min(numbers.stop, start + _COPIES_AT_ONCE) - 1
        source = f"{template}.{table}, generate_series(%s::int, %s::int) AS n"
        owner.execute(f"INSERT INTO public.{table} ({into}) SELECT {copied} FROM {source}", some)
