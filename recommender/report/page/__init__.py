"""Pages for a browser: one file each, with style, script and data inside, that asks for nothing.

What comes of names and reasons of others is text, never markup: in Python it goes through
`element`, in the browser through `textContent`. The page's content security policy lets
nothing load and no script run but the one that was written here.
"""

from recommender.report.page.backtest import format_backtest_page
from recommender.report.page.report import format_explanation_page, format_report_page

__all__ = ["format_backtest_page", "format_explanation_page", "format_report_page"]
