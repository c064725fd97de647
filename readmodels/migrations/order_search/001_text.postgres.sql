-- Full text. The words are cut by the projection, so the configuration is the simple one. A query must have the
-- same expression: WHERE to_tsvector('simple', terms) @@ to_tsquery('simple', 'dhl:* & tea:*').
CREATE INDEX {order_search}_words ON {order_search} USING gin (to_tsvector('simple', terms));
