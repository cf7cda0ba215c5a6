"""A real browser plays whole evenings: phones, a till, the operator's desk, and the demo.

    FANJU_SERVER=target/debug/fanju-server target/tools/venv/bin/python tests/browser/play.py [Class]

Pictures of everything lie in `target/screenshots` afterwards (`FANJU_SCREENSHOTS` names another folder).
`FANJU_BROWSER_WITHIN` says how many seconds a page may take for anything (30).
"""

from play_account import Account
from play_counter import Counter
from play_demo import Demonstration
from play_dinner import Dinner
from play_lists import Lists
from play_passkeys import Passkeys
from play_shop import Shop
from play_shops import Shops
from play_table import Table
from play_webhooks import Hooks
from plays import begin

__all__ = ["Account", "Counter", "Demonstration", "Dinner", "Hooks", "Lists", "Passkeys", "Shop", "Shops", "Table"]

if __name__ == "__main__":
    begin()
