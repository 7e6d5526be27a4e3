"""Package: the SW folder of a submission to the Cell Tracking Challenge, one script a sequence."""

from sam4ct.pipelines.package.submission import Submission, write_submission

__all__ = ["Submission", "write_submission"]
