"""Walks the table `items` of a database with Django: `django_peer.py WAY FILE`."""

import gc

import django
from django.conf import settings

import seen

# From 100 to 5,000 all take the same within a tenth; the default is 2,000.
CHUNK_SIZE = 1_000


def prepare(file):
    """The model, over a database."""
    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": file}},
        # As in production: with DEBUG each query is kept.
        DEBUG=False,
    )
    django.setup()

    from django.db import models

    class Item(models.Model):
        id = models.BigAutoField(primary_key=True)
        name = models.TextField()
        photo = models.BinaryField()

        class Meta:
            app_label = "peers"
            db_table = "items"

    return Item


def iterator(model):
    """One cursor."""
    return model.objects.order_by("pk").iterator(chunk_size=CHUNK_SIZE)


def everything(model):
    """The whole table at once."""
    return model.objects.order_by("pk")


def chunks(queryset, after_each=lambda: None, size=1_000):
    """Chunks from the last key on, in the way of the snippet that has been passed on since 2010
    (djangosnippets 1949): up to what is the last key at the start, and a collection after each."""
    key = 0
    queryset = queryset.order_by("pk")
    last = queryset.last().pk
    while key < last:
        for row in queryset.filter(pk__gt=key)[:size]:
            key = row.pk
            yield row
        after_each()


if __name__ == "__main__":
    seen.run(
        prepare,
        {
            "iterator": iterator,
            "all": everything,
            "snippet": lambda model: chunks(model.objects.all(), gc.collect),
            "snippet_without_gc": lambda model: chunks(model.objects.all()),
        },
    )
