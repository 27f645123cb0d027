using Xunit;

namespace FlakyPlatform;

public class FlakyTests
{
    [Fact]
    public void PassesTheSecondTime()
    {
        var been = Path.Combine(Path.GetTempPath(), "FlakyPlatform");
        var again = File.Exists(been);
        File.WriteAllText(been, "");
        Assert.True(again, "this is the first time");
    }

    [Fact]
    public void Passes()
    {
    }
}
