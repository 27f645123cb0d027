Console.WriteLine(Money.Price.Facts("billing"));
