"""Label audit: what a model that did not learn from an image says against its labels.

Method: ``docs/methods/label-audit.md``. Command: ``cellwright data audit``.
"""
