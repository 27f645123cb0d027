using Xunit;

namespace Failing;

public class FailingTests
{
    [Fact]
    public void Passes()
    {
    }

    [Fact]
    public void FailsAlways()
    {
        Assert.Equal("tea", "coffee");
    }
}
