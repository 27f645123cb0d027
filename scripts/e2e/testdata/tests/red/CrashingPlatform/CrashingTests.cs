using Xunit;

namespace CrashingPlatform;

public class CrashingTests
{
    [Fact]
    public void EndsTheProcess()
    {
        Environment.Exit(7);
    }
}
