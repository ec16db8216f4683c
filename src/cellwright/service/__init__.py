"""The service: uploads in, the results of ``cellwright predict`` out, with a page to correct them.

It holds no torch. ``create_app`` in :mod:`cellwright.service.app` is where its parts meet.
"""
