-- One dinner, one call, one transaction.
create function settle(the_merchant bigint, the_order_no text, the_total bigint, diners bigint[], shares bigint[])
returns text language plpgsql as $$
declare
    able bigint;
    the_order bigint;
begin
    -- In id order, so that no two dinners ever wait for each other.
    perform 1 from wallets where id = any (diners) order by id for update;
    select count(*) into able
        from unnest(diners, shares) as share (diner, owed)
        join wallets on wallets.id = share.diner
        where wallets.balance >= share.owed;
    if able < cardinality(diners) then
        if exists (select 1 from orders where merchant = the_merchant and order_no = the_order_no) then
            return 'known';
        end if;
        return 'short';
    end if;
    insert into orders (merchant, order_no, total) values (the_merchant, the_order_no, the_total)
        on conflict (merchant, order_no) do nothing returning id into the_order;
    if the_order is null then
        return 'known';
    end if;
    update wallets set balance = balance - share.owed
        from unnest(diners, shares) as share (diner, owed) where wallets.id = share.diner;
    insert into legs (order_id, wallet, amount)
        select the_order, share.diner, share.owed from unnest(diners, shares) as share (diner, owed);
    update merchants set balance = balance + the_total where id = the_merchant;
    return 'settled';
end
$$;
