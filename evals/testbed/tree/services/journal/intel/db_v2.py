"""Storage: MySQL through mysql.connector where there is one, else memory.

Both speak the same small language, rows in and rows out, so that nothing above knows which it is.
"""

import itertools
import json

TABLES = ("trades", "entries", "alerts")
SCHEMA = """
CREATE TABLE IF NOT EXISTS {table} (
    id BIGINT PRIMARY KEY AUTO_INCREMENT,
    owner VARCHAR(64) NOT NULL,
    body JSON NOT NULL,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY owner_idx (owner)
)
"""


class MemoryDatabase:
    """Keeps everything in the process: for nodes without MySQL, and gone with a restart."""

    kind = "memory"

    def __init__(self):
        self._rows = {table: {} for table in TABLES}
        self._ids = {table: itertools.count(1) for table in TABLES}

    def insert(self, table, owner, body):
        row_id = next(self._ids[table])
        self._rows[table][row_id] = (owner, {**body, "id": row_id})
        return row_id

    def update(self, table, row_id, body):
        owner, _ = self._rows[table][row_id]
        self._rows[table][row_id] = (owner, {**body, "id": row_id})

    def get(self, table, row_id):
        row = self._rows[table].get(row_id)
        return None if row is None else dict(row[1])

    def list(self, table, owner=None):
        rows = self._rows[table].values()
        return [dict(body) for who, body in rows if owner is None or who == owner]

    def delete(self, table, row_id):
        return self._rows[table].pop(row_id, None) is not None

    def ping(self):
        return True

    def close(self):
        pass


class MySqlDatabase:
    """One connection that is opened again when it is lost."""

    kind = "mysql"

    def __init__(self, connector, settings):
        self._connector = connector
        self._settings = settings
        self._connection = connector.connect(**settings)
        for table in TABLES:
            self._execute(SCHEMA.format(table=table))

    def insert(self, table, owner, body):
        cursor = self._execute(
            f"INSERT INTO {table} (owner, body) VALUES (%s, %s)", (owner, json.dumps(body))
        )
        return cursor.lastrowid

    def update(self, table, row_id, body):
        self._execute(f"UPDATE {table} SET body = %s WHERE id = %s", (json.dumps(body), row_id))

    def get(self, table, row_id):
        rows = self._query(f"SELECT id, body FROM {table} WHERE id = %s", (row_id,))
        return rows[0] if rows else None

    def list(self, table, owner=None):
        if owner is None:
            return self._query(f"SELECT id, body FROM {table} ORDER BY id", ())
        return self._query(f"SELECT id, body FROM {table} WHERE owner = %s ORDER BY id", (owner,))

    def delete(self, table, row_id):
        return self._execute(f"DELETE FROM {table} WHERE id = %s", (row_id,)).rowcount > 0

    def ping(self):
        self._connection.ping(reconnect=True, attempts=2, delay=1)
        return True

    def close(self):
        self._connection.close()

    def _execute(self, statement, values=()):
        self._connection.ping(reconnect=True, attempts=2, delay=1)
        cursor = self._connection.cursor()
        cursor.execute(statement, values)
        self._connection.commit()
        return cursor

    def _query(self, statement, values):
        self._connection.ping(reconnect=True, attempts=2, delay=1)
        cursor = self._connection.cursor()
        cursor.execute(statement, values)
        return [{**json.loads(body), "id": row_id} for row_id, body in cursor.fetchall()]


def mysql_settings(config):
    return {
        "host": config.get("MYSQL_HOST", "127.0.0.1"),
        "port": int(config.get("MYSQL_PORT", 3306)),
        "user": config.get("MYSQL_USER", "fotw_app"),
        "password": config.get("MYSQL_PASSWORD", ""),
        "database": config.get("MYSQL_DATABASE", "fotw_app"),
        "connection_timeout": 5,
    }


def open_database(config, logger):
    """The database of this node. With MYSQL_REQUIRED=true there is no falling back to memory."""
    required = str(config.get("MYSQL_REQUIRED", "false")).lower() == "true"
    try:
        import mysql.connector as connector
    except ImportError:
        if required:
            raise
        logger.warn("mysql.connector is not installed: running on memory")
        return MemoryDatabase()
    try:
        database = MySqlDatabase(connector, mysql_settings(config))
    except connector.Error as exc:
        if required:
            raise
        logger.warn(f"MySQL cannot be reached, running on memory: {exc}")
        return MemoryDatabase()
    logger.ok("MySQL connected")
    return database
