/*
 * Reads a workspace by JDBC: java -cp postgresql.jar Read.java URL DAY OTHER_DAY.
 *
 * The day of the connection stands in the address. It prints the rows as of this
 * day, the rows of a transaction with SET LOCAL, the day after it, the rows of a
 * function that takes the day as a parameter, and what the driver knows of the
 * columns of the view for tools and of the view itself.
 */

import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.Statement;
import java.time.LocalDate;

public class Read
{
	static final String ROWS = "SELECT as_of, customer_id, revenue, clv, next_purchase_on"
		+ " FROM shop_bi.customer_value ORDER BY customer_id";

	static String text(Object value)
	{
		if (value == null)
			return "";
		return value instanceof BigDecimal number ? number.toPlainString() : value.toString();
	}

	static void show(String title, ResultSet rows) throws Exception
	{
		System.out.println("# " + title);
		while (rows.next())
			System.out.println(String.join("|", text(rows.getObject(1, LocalDate.class)), text(rows.getLong(2)),
				text(rows.getBigDecimal(3)), text(rows.getObject(4)), text(rows.getObject(5, LocalDate.class))));
	}

	static void showColumn(String title, Statement statement, String view) throws Exception
	{
		ResultSetMetaData about = statement.executeQuery("SELECT revenue, clv FROM " + view).getMetaData();
		System.out.println("# " + title);
		System.out.println(about.getColumnClassName(1) + "|" + about.getPrecision(1) + "|" + about.getScale(1)
			+ "|" + about.getColumnClassName(2));
	}

	public static void main(String[] arguments) throws Exception
	{
		try (Connection connection = DriverManager.getConnection(arguments[0]); Statement statement = connection.createStatement())
		{
			show("connection", statement.executeQuery(ROWS));
			connection.setAutoCommit(false);
			statement.execute("SET LOCAL crm.as_of = '" + arguments[2] + "'");
			show("transaction", statement.executeQuery(ROWS));
			connection.commit();
			connection.setAutoCommit(true);
			ResultSet day = statement.executeQuery("SELECT day FROM shop.shown_day");
			day.next();
			System.out.println("# afterwards\n" + day.getObject(1, LocalDate.class));
			PreparedStatement asked = connection.prepareStatement("SELECT ?::date, customer_id, revenue::numeric(38, 8), clv,"
				+ " next_purchase_on FROM shop.customer_value_at(?::date) ORDER BY customer_id");
			asked.setObject(1, LocalDate.parse(arguments[2]));
			asked.setObject(2, LocalDate.parse(arguments[2]));
			show("function", asked.executeQuery());
			showColumn("view for tools", statement, "shop_bi.customer_value");
			showColumn("view", statement, "shop.customer_value");
		}
	}
}
