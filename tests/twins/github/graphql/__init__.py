"""GitHub's GraphQL API, as far as we use it: its own schema, cut down to that, executed by graphql-core."""

from tests.twins.github.graphql import mutations, queries
from tests.twins.github.graphql.engine import SDL, Operation, operation, respond

__all__ = ["SDL", "Operation", "mutations", "operation", "queries", "respond"]
