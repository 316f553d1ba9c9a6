"""The process that becomes a report's kernel."""

from workbench.reports.kernel import started_kernel


def test_a_kernel_that_is_not_needed_ends_and_leaves_nothing():
    with started_kernel() as kernel:
        assert kernel.process.poll() is None
        assert kernel.log.exists()
    assert kernel.process.poll() is not None
    assert not kernel.folder.exists()


def test_a_kernel_that_has_died_is_left_to_whoever_talks_to_it():
    with started_kernel() as kernel:
        kernel.process.kill()
        kernel.process.wait()
        kernel.serve()
    assert kernel.process.stdin.closed
