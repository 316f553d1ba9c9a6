"""What the dashboard serves, requested without a browser."""

import re
import urllib.request
from urllib.error import HTTPError

import pytest

SERVED = ["01_mask_explorer", "02_candidate_race"]


def fetched(url: str) -> tuple[int, str]:
    """Status and text of an answer."""
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, ""


def test_the_dashboard_lists_its_notebooks_and_no_other(dashboard):
    status, page = fetched(dashboard)
    assert status == 200
    assert re.findall(r"voila/render/(\w+)\.ipynb", page) == SERVED


@pytest.mark.parametrize("place", ["voila/render", "voila/files", "files"])
@pytest.mark.parametrize("name", ["00_tour.ipynb", "report_run.ipynb", "../notebooks/00_tour.ipynb"])
def test_the_dashboard_opens_nothing_else(dashboard, place, name):
    status, page = fetched(f"{dashboard}/{place}/{name}")
    assert status in (403, 404) or "jp-Cell" not in page
