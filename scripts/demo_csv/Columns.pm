# Columns.pm: finds the columns of the customer, the date, the amount and so on.
#
# A name is compared without case, accents, spaces and signs, so "Order Date",
# order_date and orderDate are one. If a name is not known, a part in parentheses
# is left out, as in "Amount (EUR)". The lists have the usual names in English, German,
# French, Spanish and Chinese, the surest ones first. The exports of some shop
# systems are known by columns that only they have.
package Columns;
use strict;
use warnings;
use utf8;

use Exporter qw(import);

use Message qw(fail visible);

our @EXPORT_OK = qw(choose);

# Customer, date and amount must be there. The others are used if they are there.
our @roles = qw(customer date amount price quantity order refunded status currency);

my %usual = map { my ($role, @list) = @$_; $role => [ map { word($_) } @list ] } (
	[ customer => qw(customerid customer customerno customernumber customerkey custid cust
		clientid client userid user buyerid buyer memberid member shopperid shopper accountid account
		contactid donorid donor billingemail customeremail email emailaddress
		kundennummer kundennr kundenid kunde kundin käufer mitgliedsnummer mitglied debitor
		idclient numéroclient numeroclient noclient nclient clientno acheteur
		idcliente clienteid númerodecliente cliente comprador
		客户编号 客户号 客户id 客户 顾客编号 顾客 会员编号 会员号 会员id 会员 用户id 用户 买家会员名 买家id 买家 買家 客戶編號 客戶 會員) ],
	[ date => qw(orderdate invoicedate invoicets purchasedate transactiondate orderedat
		purchasedat placedat createdat paidat processedat orderts orderedon createdutc createddateutc
		date day datetime timestamp time ts created
		bestelldatum rechnungsdatum kaufdatum auftragsdatum buchungsdatum datum tag zeitpunkt
		datecommande datedecommande datedelacommande datefacture datedefacture datedelafacture
		dateachat datedachat datedelachat jour
		fechapedido fechadepedido fechafactura fechadefactura fechacompra fechadecompra fecha día
		下单时间 下单日期 订单日期 订单时间 订单创建时间 订单付款时间 支付时间 付款时间 购买日期 交易日期 日期 时间 下單日期 訂單日期 時間) ],
	[ amount => qw(amount netamount orderamount totalamount amountpaid total totalprice
		ordertotal ordertotalamount grandtotal nettotal revenue netrevenue nrevenue sales turnover
		ordervalue value spend sum subtotal
		betrag nettobetrag bruttobetrag rechnungsbetrag gesamtbetrag gesamt gesamtsumme gesamtpreis summe
		umsatz bestellwert
		montant montanttotal montantht montantttc totalttc chiffredaffaires
		importe importetotal monto montototal ventas
		金额 订单金额 实付金额 买家实际支付金额 买家实付金额 支付金额 付款金额 总金额 消费金额 交易金额 销售额 总价 實付金額 金額) ],
	[ price => qw(unitprice priceperunit stückpreis einzelpreis prixunitaire preciounitario 单价 單價) ],
	[ quantity => qw(quantity qty menge anzahl quantité quantite cantidad 数量 數量) ],
	[ order => qw(orderid orderno ordernumber invoiceid invoiceno invoicenumber invoice
		transactionid bestellnummer rechnungsnummer auftragsnummer belegnummer
		numérocommande numérodecommande nocommande numérofacture
		númerodepedido idpedido pedido númerodefactura 订单号 订单编号 訂單編號) ],
	[ status => qw(financialstatus paymentstatus orderstatus status
		bestellstatus zahlungsstatus statut statutcommande estado estadodelpedido 订单状态 交易状态 状态 狀態) ],
	[ currency => qw(currency ordercurrency currencycode währung devise moneda divisa 币种 货币) ]);

# An export is known if it "has" all these columns. "is" gives columns to roles.
# Its rows of one order are one purchase, and the first of them has the total.
my @exports = (
	{ name => 'Shopify',
		has => [qw(name financialstatus lineitemname total createdat)],
		is => { order => 'name', customer => 'email', date => 'createdat', amount => 'total',
			refunded => 'refundedamount', status => 'financialstatus' } },
	{ name => 'Stripe',
		has => [qw(amountrefunded captured currency customeremail)],
		is => { order => 'id', customer => 'customeremail', amount => 'amount',
			refunded => 'amountrefunded' } },
	{ name => 'WooCommerce',
		has => [qw(ordernumber orderstatus orderdate emailbilling ordertotalamount)],
		is => { order => 'ordernumber', customer => 'emailbilling', date => 'orderdate',
			amount => 'ordertotalamount', refunded => 'orderrefundamount', status => 'orderstatus' } },
	{ name => 'WooCommerce',
		has => [qw(orderid orderdate status ordertotal billingemail)],
		is => { order => 'orderid', customer => 'billingemail', date => 'orderdate',
			amount => 'ordertotal', refunded => 'refundedtotal', status => 'status' } },
	{ name => 'WooCommerce Analytics',
		has => [qw(order status customer customertype itemssold)],
		is => { order => 'order', customer => 'customer', date => 'date', status => 'status' } });

# A hash from each role to the position of its column, from the header and the
# options of the user. "export" is the name of a known export, or empty. "names"
# is the header.
sub choose
{
	my ($names, %named) = @_;
	my @words = map { word($_) } @$names;
	my @short = map { word(s/[(（\[].*//r) } @$names;
	my %choice = (names => $names, export => '');
	my $export = known_export(\@words);
	for my $role (@roles)
	{
		my $position = ($named{$role} // '') ne '' ? position_named($names, $role, $named{$role})
			: defined $export->{is}{$role} ? position($export->{is}{$role}, @words)
			: first_usual(\@words, $usual{$role}) // first_usual(\@short, $usual{$role});
		$choice{$role} = $position if defined $position;
	}
	$choice{export} = $export->{name} if defined $export->{name} && !$named{amount};
	use_price(\%choice, \%named);
	refuse_absent(\%choice);
	refuse_twice(\%choice);
	return \%choice;
}

sub word
{
	my ($name) = @_;
	return lc($name) =~ tr/àáâãäçèéêëìíîïñòóôõöùúûü/aaaaaceeeeiiiinooooouuuu/r =~ s/[^\p{L}\p{N}]//gr;
}

sub position
{
	my ($word, @words) = @_;
	for my $position (0 .. $#words)
	{
		return $position if $words[$position] eq $word;
	}
	return;
}

sub position_named
{
	my ($names, $role, $given) = @_;
	utf8::decode($given);
	my $position = position(lc $given, map { lc } @$names) // position(word($given), map { word($_) } @$names);
	return $position // fail('--' . option($role) . ' ' . visible($given) . ': the file has no such column'
		. columns_of($names));
}

# The option that names the column of a role.
sub option
{
	my ($role) = @_;
	return $role eq 'status' ? 'status-column' : $role;
}

sub first_usual
{
	my ($words, $usual) = @_;
	for my $word (@{ $usual // [] })
	{
		my $position = position($word, @$words);
		return $position if defined $position;
	}
	return;
}

sub known_export
{
	my ($words) = @_;
	my %has = map { $_ => 1 } @$words;
	for my $export (@exports)
	{
		return $export if !grep { !$has{$_} } @{ $export->{has} };
	}
	return {};
}

# A price counts only where there is no amount, or where the user asks for it.
sub use_price
{
	my ($choice, $named) = @_;
	my $asked = $named->{price} || $named->{quantity};
	if ($asked || (!defined $choice->{amount} && defined $choice->{price} && defined $choice->{quantity}))
	{
		fail('--amount does not go together with --price and --quantity') if $named->{amount};
		fail('--price and --quantity belong together; name both columns'
			. columns_of($choice->{names})) if !defined $choice->{price} || !defined $choice->{quantity};
		$choice->{amount} = delete $choice->{price};
		return;
	}
	delete @$choice{qw(price quantity)};
	return;
}

sub refuse_absent
{
	my ($choice) = @_;
	my @absent = grep { !defined $choice->{$_} } qw(customer date amount);
	return if !@absent;
	my $options = join ' ', map { "--$_" } @absent;
	$options .= ' (or --price and --quantity)' if grep { $_ eq 'amount' } @absent;
	fail("no column found for: @absent" . columns_of($choice->{names})
		. "\n  name one with: $options\n  if this is one column or none, name the delimiter: --delimiter");
}

sub columns_of
{
	my ($names) = @_;
	my $list = join ', ', map { visible($_) } @$names;
	$list = substr($list, 0, 2000) . ' ...' if length $list > 2000;
	return "\n  its columns: $list";
}

sub refuse_twice
{
	my ($choice) = @_;
	my %role_at;
	for my $role (qw(customer date amount quantity))
	{
		next if !defined $choice->{$role};
		my $other = $role_at{ $choice->{$role} };
		fail('column ' . visible($choice->{names}[ $choice->{$role} ])
			. " cannot be two things; name another with --$other or --$role") if $other;
		$role_at{ $choice->{$role} } = $role;
	}
	return;
}

1;
