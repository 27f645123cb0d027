Console.WriteLine(Shared.Facts.Of("edge"));
