-- Full text by FTS5, kept by triggers. Each order has a number of its own for it: rowids of a table without an
-- integer as its key may change (VACUUM).
CREATE TABLE {order_search}_numbers (number INTEGER PRIMARY KEY, order_id TEXT NOT NULL UNIQUE);
CREATE VIRTUAL TABLE {order_search}_words USING fts5 (terms);

INSERT INTO {order_search}_numbers (order_id) SELECT order_id FROM {order_search};
INSERT INTO {order_search}_words (rowid, terms)
  SELECT n.number, o.terms FROM {order_search} o JOIN {order_search}_numbers n ON n.order_id = o.order_id;

CREATE TRIGGER {order_search}_inserted AFTER INSERT ON {order_search} BEGIN
  INSERT INTO {order_search}_numbers (order_id) VALUES (new.order_id);
  INSERT INTO {order_search}_words (rowid, terms)
    SELECT number, new.terms FROM {order_search}_numbers WHERE order_id = new.order_id;
END;

CREATE TRIGGER {order_search}_updated AFTER UPDATE ON {order_search} WHEN old.terms <> new.terms BEGIN
  UPDATE {order_search}_words SET terms = new.terms
    WHERE rowid = (SELECT number FROM {order_search}_numbers WHERE order_id = new.order_id);
END;

CREATE TRIGGER {order_search}_deleted AFTER DELETE ON {order_search} BEGIN
  DELETE FROM {order_search}_words
    WHERE rowid = (SELECT number FROM {order_search}_numbers WHERE order_id = old.order_id);
  DELETE FROM {order_search}_numbers WHERE order_id = old.order_id;
END;
