"""The report of a run in a browser: at both widths, in the dark, on paper, and played."""

from __future__ import annotations

import shutil

import pytest

pytestmark = pytest.mark.browser

FILM = """
[streams.film]
signal = "video"
processor = { use = "video", size = 16 }
encoder = { use = "resnet", scratch = { embedding_size = 4, hidden_sizes = [4], depths = [1] } }
mapper = { use = "linear", dim = 32 }

[fusion]
use = "concat"
axis = "time"
"""


@pytest.fixture(scope="module")
def pages(home):
    """Reports: of a run that reads poses and films, and of two runs."""
    from slp_train.report import report

    run, both = home / "runs/quickstart", home / "runs/both"
    shutil.copytree(run, both, ignore=shutil.ignore_patterns("pipeline", "report.html"))
    recipe = (run / "recipe.toml").read_text()
    (both / "recipe.toml").write_text(recipe.replace("[decoder]", f"{FILM}\n[decoder]", 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        return {"one": report(both).as_uri(), "two": report([run, both]).as_uri()}


@pytest.mark.parametrize("which", ["one", "two"])
@pytest.mark.parametrize("width", [320, 400, 1600])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_is_wider_than_the_page(browser_page, pages, which, width, dark):
    page = browser_page(width, dark=dark)
    page.goto(pages[which])
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    name = "ctc@streams.fingerspelling.mapper.infeasible"  # as long as they get
    page.evaluate("(name) => document.querySelector('figcaption span').prepend(name)", name)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # what is wider than its place can be moved there, and nothing is cut off
    cut = page.evaluate(
        """[...document.querySelectorAll("main *")].filter((one) =>
            one.scrollWidth > one.clientWidth + 1 && one.clientWidth
            && getComputedStyle(one).overflowX === "hidden").map((one) => one.outerHTML)"""
    )
    assert cut == []


CONTRAST = """() => {
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    pen.clearRect(0, 0, 1, 1); pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((one) => one / 255).map(
      (one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (one) => {
    for (; one; one = one.parentElement) {
      const colour = rgba(getComputedStyle(one).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    throw new Error("no background");
  };
  const found = [];
  for (const one of document.querySelectorAll("body *")) {
    const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !one.checkVisibility() || one.matches("title, script")) continue;
    const style = getComputedStyle(one);
    const colour = rgba(one instanceof SVGElement ? style.fill : style.color);
    const [a, b] = [luminance(colour.slice(0, 3)), luminance(behind(one).slice(0, 3))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    found.push([contrast, `${one.tagName}: ${one.textContent.trim().slice(0, 40)}`]);
  }
  return found;
}"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_all_text_can_be_read(browser_page, pages, dark):
    """WCAG 2.2, 1.4.3: a contrast of 4.5 at least."""
    page = browser_page(1600, dark=dark)
    page.goto(pages["two"])
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    found = page.evaluate(CONTRAST)
    assert len(found) > 200
    assert [one for one in found if one[0] < 4.5] == []
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(251, 251, 250)") is not dark


@pytest.mark.parametrize("kind", ["video", "canvas"])
def test_a_clip_plays_stops_and_is_wound_on(browser_page, pages, kind):
    page = browser_page(1600)
    page.goto(pages["one"])
    assert page.locator(".player").count() == 2 * 8
    player = page.locator(f".player:has({kind})").first
    player.scroll_into_view_if_needed()
    slider, clock = player.get_by_label("Time"), player.locator("output")
    page.wait_for_function("(one) => Number(one.max) > 1", arg=slider.element_handle())
    length = float(slider.get_attribute("max"))
    assert clock.inner_text() == f"0.0 / {length:.1f} s"
    first = player.locator(kind).screenshot()

    player.get_by_label("Speed").click()
    assert player.get_by_label("Speed").inner_text() == "0.5×"
    player.get_by_label("Play").click()
    page.wait_for_function("(one) => Number(one.value) > 0.3", arg=slider.element_handle())
    player.get_by_label("Pause").click()
    player.get_by_label("Play").wait_for()
    stopped = float(slider.input_value())
    page.wait_for_timeout(200)
    assert float(slider.input_value()) == pytest.approx(stopped, abs=0.05) and stopped < length
    assert player.locator(kind).screenshot() != first

    slider.focus()
    page.keyboard.press("Home")
    assert float(slider.input_value()) == 0
    page.keyboard.press("End")
    assert float(slider.input_value()) == pytest.approx(length, abs=0.02)
    assert clock.inner_text() == f"{length:.1f} / {length:.1f} s"
    player.get_by_label("Play").click()  # from the beginning
    page.wait_for_function("(one) => Number(one.value) < 0.5", arg=slider.element_handle())


def test_a_skeleton_is_drawn_where_its_points_are(browser_page, pages):
    """The pixels of the first frame lie where the embedded points say."""
    page = browser_page(1600)
    page.goto(pages["one"])
    page.wait_for_timeout(200)
    drawn, wanted = page.locator("canvas").first.evaluate(
        """(canvas) => {
          const bytes = Uint8Array.from(atob(canvas.dataset.points), (one) => one.charCodeAt(0));
          const points = [...bytes.slice(0, 2 * canvas.dataset.count)];
          const used = [...Object.values(JSON.parse(canvas.dataset.limbs)).flat(2),
                        ...JSON.parse(canvas.dataset.dots)];
          const ys = used.map((one) => points[2 * one + 1]).filter((one) => one !== 255);
          const { width, height } = canvas;
          const pixels = canvas.getContext("2d").getImageData(0, 0, width, height).data;
          const rows = [];
          for (let n = 3; n < pixels.length; n += 4)
            if (pixels[n]) rows.push(Math.floor(n / 4 / width));
          const scale = height / 254;
          return [[Math.min(...rows), Math.max(...rows)],
                  [Math.min(...ys) * scale, Math.max(...ys) * scale]];
        }"""
    )
    assert drawn == pytest.approx(wanted, abs=6)


def test_on_paper_there_is_nothing_to_press(browser_page, pages):
    page = browser_page(800)
    page.goto(pages["one"])
    assert page.locator(".player button:visible").count() == 2 * 2 * 8
    page.emulate_media(media="print")
    assert page.locator("button:visible, input:visible, video:visible").count() == 0
    assert page.locator(".strip:visible").count() == 2 * 8
    assert page.evaluate("document.documentElement.scrollWidth") <= 800


def test_without_scripts_the_strips_are_there(browser, pages):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(pages["one"])
    assert page.locator(".strip:visible").count() == 2 * 8
    assert page.locator(".player:visible").count() == 0
    context.close()


def test_every_picture_and_control_has_a_name(browser_page, pages):
    page = browser_page(1600)
    page.goto(pages["one"])
    nameless = page.evaluate(
        """[...document.querySelectorAll("svg, canvas, video, button, input")].filter((one) =>
            !one.getAttribute("aria-label") && !one.closest("[aria-hidden], [role=img]"))
            .map((one) => one.outerHTML.slice(0, 200))"""
    )
    assert nameless == []
    assert page.locator("h1").count() == 1
