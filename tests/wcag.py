"""Whether everybody can use a page: the rules of WCAG as axe-core knows them, and nothing beyond the side."""

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SCHEMES = ("light", "dark")
#: What `faults` says of a page that everybody can use.
NONE = dict.fromkeys(SCHEMES, ([], 0))

OPTIONS = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]}
# Colours that are on their way from one scheme to the other arrive first.
BROKEN = """([within, options]) => {
  document.getAnimations().filter((one) => one instanceof CSSTransition).forEach((one) => one.finish());
  return axe.run(within || document, options).then((found) =>
    found.violations.map((rule) => [rule.id, rule.nodes.map((node) => node.target)]));
}"""
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def faults(page: Any, *, within: str = "") -> dict[str, tuple[list[Any], int]]:
    """Look at a page of the browser in each colour scheme, without loading it again.

    Returns for each scheme the rules that are broken, with what breaks them, and how many pixels the page goes beyond
    its side. `within` is a selector: rules are asked of what it finds, else of the whole page.
    """
    page.evaluate(AXE_SCRIPT)
    found = {}
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found[scheme] = (page.evaluate(BROKEN, [within, OPTIONS]), page.evaluate(SIDEWAYS))
    return found
