"""Walks the table `items` of a database with Django: `django_peer.py WAY STORE`."""

import gc
from urllib.parse import parse_qsl, urlsplit

import django
from django.conf import settings

import seen

# Chunk sizes from 100 to 5,000 differ by less than a tenth; the default is 2,000.
CHUNK_SIZE = 1_000


def database(store):
    """Django's settings for a file of SQLite, or for postgres:///NAME?host=FOLDER&user=USER."""
    if not store.startswith("postgres:"):
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": store}
    url = urlsplit(store)
    options = {key.upper(): value for key, value in parse_qsl(url.query)}
    return {"ENGINE": "django.db.backends.postgresql", "NAME": url.path[1:], **options}


def prepare(store):
    """The model, over a database."""
    settings.configure(
        DATABASES={"default": database(store)},
        # As in production: with DEBUG, Django keeps each query.
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


def client_side_iterator(model):
    """The same without a cursor of the server, as before Django 1.11 and behind a pooler in transaction mode: the
    client buffers all rows."""
    settings.DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True
    return iterator(model)


def everything(model):
    """The whole table at once."""
    return model.objects.order_by("pk")


def chunks(queryset, after_each=lambda: None, size=1_000):
    """Chunks after the last key, as in the well-known snippet of 2010 (djangosnippets 1949): up to the last
    key at the start, with a garbage collection after each chunk."""
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
            "client_side_iterator": client_side_iterator,
            "all": everything,
            "snippet": lambda model: chunks(model.objects.all(), gc.collect),
            "snippet_without_gc": lambda model: chunks(model.objects.all()),
        },
    )
