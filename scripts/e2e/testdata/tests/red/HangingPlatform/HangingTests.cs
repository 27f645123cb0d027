using Xunit;

namespace HangingPlatform;

public class HangingTests
{
    [Fact]
    public void NeverEnds()
    {
        Thread.Sleep(Timeout.Infinite);
    }
}
