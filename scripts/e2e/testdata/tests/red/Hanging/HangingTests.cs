using Xunit;

namespace Hanging;

public class HangingTests
{
    [Fact]
    public void NeverEnds()
    {
        Thread.Sleep(Timeout.Infinite);
    }
}
