namespace Calc;

public static class Calculator
{
    public static int Add(int a, int b)
    {
        return a + b;
    }

    public static string Sign(int number)
    {
        if (number < 0)
        {
            return "negative";
        }
        return number == 0 ? "zero" : "positive";
    }
}
