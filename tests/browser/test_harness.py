"""What the fixture of pages must see, or a broken page would pass."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

pytestmark = pytest.mark.browser


def test_a_page_has_the_size_and_scheme_asked_for(browser_page):
    for width, dark in ((400, False), (1600, True)):
        page = browser_page(width, 700, dark=dark)
        assert page.evaluate("[innerWidth, innerHeight]") == [width, 700]
        assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") is dark


@pytest.mark.parametrize(
    "page, fault",
    [
        ("<p>well", None),
        ("<script>console.error('ouch')</script>", "console: ouch"),
        ("<script>nothing.there</script>", "threw: nothing is not defined"),
        ("<img src='absent.png'>", "ERR_FILE_NOT_FOUND"),
        ("<img src='http://example.org/a.png'>", "asked of another machine: http://example.org"),
    ],
)
def test_what_a_page_does_wrong_fails_its_test(request, tmp_path, page, fault):
    (tmp_path / "page.html").write_text(page)
    shutil.copy(request.path.parent / "conftest.py", tmp_path)
    (tmp_path / "test_page.py").write_text(
        "def test_page(browser_page):\n"
        f"    browser_page().goto({(tmp_path / 'page.html').as_uri()!r})\n"
    )
    command = [sys.executable, "-m", "pytest", "--rootdir", tmp_path, "-p", "no:cacheprovider"]
    done = subprocess.run([*command, tmp_path], capture_output=True, text=True)
    assert ("1 passed" in done.stdout) and ("1 error" in done.stdout) is (fault is not None)
    assert (fault or "") in done.stdout
