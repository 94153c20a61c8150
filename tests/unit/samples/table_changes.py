"""Tables of which some values are changed, to see what a claim makes of it."""

import pandas as pd


def change(table: pd.DataFrame, column: str, by: float, **where) -> None:
    """Add to a column, in place, in the rows whose other columns have these values, or one of a list of them."""
    chosen = pd.Series(True, index=table.index)
    for name, value in where.items():
        chosen &= table[name].isin(value if isinstance(value, list) else [value])
    assert chosen.any()
    table.loc[chosen, column] += by
