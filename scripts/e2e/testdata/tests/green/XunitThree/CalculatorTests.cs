using System.Runtime.InteropServices;
using Calc;
using Xunit;

namespace XunitThree;

public class CalculatorTests(ITestOutputHelper output)
{
    [Fact]
    public void AddsTwoNumbers()
    {
        Assert.Equal(5, Calculator.Add(2, 3));
    }

    [Theory]
    [InlineData(-1, "negative")]
    [InlineData(1, "positive")]
    public void SignIsNamed(int number, string sign)
    {
        Assert.Equal(sign, Calculator.Sign(number));
    }

    [Fact(Skip = "not on a calculator")]
    public void Divides()
    {
    }

    [Fact]
    public void SaysWhereItRuns()
    {
        output.WriteLine($"ran on {RuntimeInformation.ProcessArchitecture}");
    }
}
