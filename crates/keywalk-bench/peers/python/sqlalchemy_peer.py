"""Walks the table `items` of a database with SQLAlchemy's ORM: `sqlalchemy_peer.py WAY STORE`."""

from sqlalchemy import create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlakeyset import select_page

import seen

# The best size tried; with 1,000, `yield_per` takes 1.7 times as long.
CHUNK_SIZE = 100


class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "items"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    photo: Mapped[bytes]


ITEMS = select(Item).order_by(Item.id)


def prepare(file):
    """A session over a database."""
    return Session(create_engine(f"sqlite:///{file}"))


def yield_per(session):
    """One cursor."""
    return session.scalars(ITEMS.execution_options(yield_per=CHUNK_SIZE))


def pages(session):
    """Pages after the last key, with sqlakeyset."""
    place = None
    while True:
        page = select_page(session, ITEMS, per_page=CHUNK_SIZE, page=place)
        for (item,) in page:
            yield item
        if not page.paging.has_next:
            return
        place = page.paging.next


def everything(session):
    """The whole table at once."""
    return session.scalars(ITEMS).all()


if __name__ == "__main__":
    seen.run(prepare, {"yield_per": yield_per, "sqlakeyset": pages, "all": everything})
