"""The metrics of a scrape, as numbers."""

import os

from prometheus_client.parser import text_string_to_metric_families

from grades import metrics


def samples(text):
    """All samples of a scrape: (name, labels without their order) → value."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


class Scrape:
    """A scrape; `scrape("jobs", state="waiting")` is the value of scoring_jobs, 0 if there is none."""

    def __init__(self, text):
        self.samples = samples(text)

    def __call__(self, name, **labels):
        return self.samples.get((f"scoring_{name}", frozenset(labels.items())), 0)

    def labels(self, name):
        """The values by the labels in the order of their names, without those that are 0."""
        return {
            tuple(value for _, value in sorted(labels)): number
            for (found, labels), number in self.samples.items()
            if found == f"scoring_{name}" and number
        }


class Counting:
    """The metrics of this process, counted in `folder` from `with` on; a call scrapes them."""

    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        metrics.start(str(self.folder))
        return self

    def __exit__(self, *_error):
        metrics.instruments = None
        del os.environ["PROMETHEUS_MULTIPROC_DIR"]

    def text(self):
        from grades.scrape import scrape  # the models need Django's settings

        return scrape().decode()

    def __call__(self):
        return Scrape(self.text())
