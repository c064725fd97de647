-- What has waited longest comes first: of all orders, of a status, and of a status of the payment.
CREATE INDEX {orders_by_status}_by_age ON {orders_by_status} (status_since, order_id);
CREATE INDEX {orders_by_status}_by_status ON {orders_by_status} (status, status_since, order_id);
CREATE INDEX {orders_by_status}_by_payment ON {orders_by_status} (payment, status_since, order_id);
-- Few orders are such that a person has to see to them.
CREATE INDEX {orders_by_status}_attention ON {orders_by_status} (status_since, order_id) WHERE attention <> '';
