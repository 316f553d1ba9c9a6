"""A real run, started, watched, stopped, reopened and finished in JupyterLab and on the dashboard."""


def points(visit) -> int:
    """Points of all curves of the run."""
    return sum(len(trace["x"]) for trace in visit.traces("watch"))


def await_state(visit, state: str) -> None:
    visit.until(lambda: is_in(visit, state), f"the run is not {state}")


def is_in(visit, *states: str) -> bool:
    """Whether the panel shows one of these states."""
    label = visit.part("state")
    return label.count() == 1 and label.inner_text() in states


def await_growth(visit) -> None:
    """Waits until curves are drawn, and then for more of them."""
    seen = 0
    for what in ("there is no curve", "the curves do not grow"):
        visit.until(lambda seen=seen: points(visit) > seen or is_in(visit, "failed"), what)
        assert not is_in(visit, "failed"), visit.part("watch").inner_text()
        seen = points(visit)


def position(visit) -> str:
    """The progress of the run, in words."""
    return visit.part("progress").inner_text()


def await_end(visit) -> None:
    """Waits for the run to be done, for as long as it makes progress."""
    seen = ""
    while not is_in(visit, "done"):
        visit.until(
            lambda seen=seen: is_in(visit, "done", "failed") or position(visit) != seen,
            "the run makes no progress",
        )
        assert not is_in(visit, "failed"), visit.part("watch").inner_text()
        seen = position(visit)


def check_finished(visit) -> None:
    """The run is complete, with a race that was decided and full scores beside early ones."""
    await_end(visit)
    visit.until(lambda: visit.traces("race", 1) != [], "early and final scores are not compared")
    visit.until(lambda: visit.drawn("race") == 2, "a figure of the race is not visible")
    assert "was chosen" in visit.part("race-standing").inner_text()
    assert [box.is_disabled() for box in visit.part("candidates").locator("input").all()] == [True] * 3
    visit.picture("watch", "watch")
    visit.picture("race", "race")


def test_a_run_is_stopped_and_finished_by_another_kernel(visit):
    visit = visit("lab", "02_candidate_race")
    await_state(visit, "not started")
    visit.part("start").click()
    await_growth(visit)
    visit.picture("growing", "watch")
    visit.part("stop").click()
    await_state(visit, "stopped")
    visit.until(lambda: position(visit).endswith("optimizer steps"), "the panel shows no progress")
    steps = position(visit)
    visit.restart("watch")
    await_state(visit, "stopped")
    assert visit.part("start").inner_text() == "Resume"
    assert position(visit) == steps
    visit.part("start").click()
    check_finished(visit)


def test_a_run_continues_while_nobody_watches(visit):
    visit = visit("dashboard", "02_candidate_race")
    turn_to_seed(visit, "1")
    await_state(visit, "not started")
    visit.part("start").click()
    await_growth(visit)
    seen = points(visit)
    visit.restart("watch")
    turn_to_seed(visit, "1")
    visit.until(lambda: points(visit) > seen, "the run did not continue")
    visit.part("stop").click()
    await_state(visit, "stopped")


def turn_to_seed(visit, seed: str) -> None:
    """Switches from the notebook's run to another one."""
    box = visit.part("race-form").get_by_label("Seed")
    box.fill(seed)
    box.press("Tab")


def test_a_run_that_cannot_start_is_a_sentence_and_the_next_one_can(visit):
    visit = visit("dashboard", "02_candidate_race")
    visit.part("race-form").locator("select").select_option("glue/cola")
    await_state(visit, "not started")
    visit.part("start").click()
    await_state(visit, "failed")
    notice = visit.part("watch").locator(".workbench-notice")
    # The reason follows the state in a message of its own.
    visit.until(lambda: "WORKBENCH_GLUE_DIR" in notice.inner_text(), "no word of what is missing")
    message = notice.inner_text()
    assert "Traceback" not in message
    assert "\n" not in message
    visit.picture("refused", "watch")
    visit.part("race-form").locator("select").select_option("synth/cola")
    await_state(visit, "not started")
    assert visit.part("start").is_enabled()


def test_what_runs_are_called_is_text(visit, hostile_run):
    visit = visit("lab", "02_candidate_race")
    visit.until(lambda: hostile_run.name in visit.part("runs").inner_text(), "the run is not in the table")
    assert visit.part("runs").locator("img").count() == 0
