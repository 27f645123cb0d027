using Microsoft.Data.Sqlite;
using Shop.Domain;

namespace Shop.Data;

/// <summary>One order of each product, in a database in memory.</summary>
internal static class OrderStore
{
    public static long Count()
    {
        using var connection = new SqliteConnection("Data Source=:memory:");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "CREATE TABLE orders (product TEXT)";
        command.ExecuteNonQuery();

        command.CommandText = "INSERT INTO orders VALUES ($product)";
        var product = command.Parameters.Add("$product", SqliteType.Text);
        foreach (var number in Catalog.Products.Keys)
        {
            product.Value = number;
            command.ExecuteNonQuery();
        }

        command.CommandText = "SELECT count(*) FROM orders";
        return (long)command.ExecuteScalar()!;
    }
}
