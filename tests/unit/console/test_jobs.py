"""Long work of the console: one of a kind at a time, its progress and its end, and how much of it is remembered."""

import threading
from threading import Event

import pytest

from services.console.jobs import MOST_AT_WORK, MOST_KEPT, Job, Jobs, TellProgress
from services.kernel.errors import InputRefused
from tests.kit.waiting import until


class Work:
    """Goes on until it is let go; returns how often it was begun."""

    def __init__(self) -> None:
        self.go, self.times = Event(), 0

    def __call__(self, say: TellProgress) -> int:
        self.times += 1
        number = self.times
        say(f"step {number}")
        assert self.go.wait(30)
        return number


def ended(job: Job) -> Job:
    for thread in threading.enumerate():
        if thread.name == f"job {job.kind}":
            thread.join(30)
    assert not job.is_at_work
    return job


def test_a_job_tells_how_far_it_is_and_what_came_of_it() -> None:
    moments = iter([10, 20])
    jobs, work = Jobs(lambda: next(moments)), Work()
    job = jobs.start("payouts", "p1", "ann", work)
    until(lambda: list(job.lines) == ["step 1"], "it says what it does")
    assert (job.is_at_work, job.result, job.by, job.began_at) == (True, None, "ann", 10)
    work.go.set()
    assert ended(job).result == 1
    assert (job.problem, job.ended_at) == (None, 20)


def test_the_same_again_is_the_same_job_and_another_of_its_kind_is_refused() -> None:
    jobs, work = Jobs(), Work()
    job = jobs.start("payouts", "p1", "ann", work)
    assert jobs.start("payouts", "p1", "ann", work) is job
    with pytest.raises(InputRefused, match="wait for it to end"):
        jobs.start("payouts", "p2", "eve", work)
    report = jobs.start("report", "p2", None, work)
    work.go.set()
    assert {ended(job).result, ended(report).result} == {1, 2}
    assert ended(jobs.start("payouts", "p2", "eve", work)).result == 3
    assert [one.key for one in jobs.of_kind("payouts")] == ["p2", "p1"]


def test_what_has_ended_is_done_anew_and_is_the_newest() -> None:
    jobs, work = Jobs(), Work()
    work.go.set()
    for key in ("p1", "p2", "p1"):
        ended(jobs.start("payouts", key, "ann", work))
    assert [(one.key, one.result) for one in jobs.of_kind("payouts")] == [("p1", 3), ("p2", 2)]


def test_a_refusal_is_its_sentence_and_a_failure_is_told_without_what_it_says() -> None:
    def refuse(_: TellProgress) -> None:
        raise InputRefused("p1 is cancelled")

    def fail(_: TellProgress) -> None:
        raise ValueError("DE89370400440532013000")

    def lose(_: TellProgress) -> None:
        raise ConnectionError("10.0.0.1")

    jobs = Jobs()
    assert ended(jobs.start("a", "1", None, refuse)).problem == "p1 is cancelled"
    assert ended(jobs.start("b", "1", None, fail)).problem == "This failed. The log of the console says why."
    assert (ended(jobs.start("c", "1", None, lose)).problem or "").startswith("The database or Kafka does not answer")


def test_few_are_at_work_and_few_are_remembered() -> None:
    jobs, work = Jobs(), Work()
    at_work = [jobs.start(f"kind {number}", "1", None, work) for number in range(MOST_AT_WORK)]
    with pytest.raises(InputRefused, match="much to do"):
        jobs.start("another", "1", None, work)
    work.go.set()
    for job in at_work:
        ended(job)
    for number in range(MOST_KEPT + 5):
        ended(jobs.start("many", str(number), None, work))
    assert len(jobs.of_kind("many")) == MOST_KEPT
    assert jobs.find("kind 0", "1") is None
    assert jobs.find("many", "4") is None
    assert jobs.find("many", "5") is not None
