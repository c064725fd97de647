-- A customer's newest orders come first.
CREATE INDEX {customer_orders}_newest ON {customer_orders} (account_id, placed_at DESC, order_id DESC);
