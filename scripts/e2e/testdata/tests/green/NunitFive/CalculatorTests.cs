using Calc;
using NUnit.Framework;

namespace NunitFive;

public class CalculatorTests
{
    [Test]
    public void AddsTwoNumbers()
    {
        Assert.That(Calculator.Add(2, 3), Is.EqualTo(5));
    }

    [TestCase(0, "zero")]
    [TestCase(1, "positive")]
    public void SignIsNamed(int number, string sign)
    {
        Assert.That(Calculator.Sign(number), Is.EqualTo(sign));
    }
}
