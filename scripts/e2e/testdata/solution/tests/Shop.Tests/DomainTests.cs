using Shop.Domain;

namespace Shop.Tests;

public class DomainTests
{
    [Fact]
    public void EveryLineOfTheCatalogIsAProduct() => Assert.Equal(3, Catalog.Products.Count);

    [Fact]
    public void SchemasAreEmbedded() => Assert.Equal(["schemas/order.json", "schemas/product.json"], Schemas.Names);
}
