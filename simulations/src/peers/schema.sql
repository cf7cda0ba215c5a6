-- What PostgreSQL and SQLite keep of a dinner, in the same tables. `bigint` is SQLite's 64-bit integer as well.
create table wallets (id bigint primary key, balance bigint not null check (balance >= 0));
create table merchants (id bigint primary key, balance bigint not null check (balance >= 0));
create table orders (id KEY, merchant bigint not null, order_no text not null, total bigint not null, unique (merchant, order_no));
create table legs (order_id bigint not null, wallet bigint not null, amount bigint not null, primary key (order_id, wallet));
