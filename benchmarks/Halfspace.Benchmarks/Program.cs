// dotnet run -c Release --project benchmarks/Halfspace.Benchmarks -- --filter '*'
BenchmarkDotNet.Running.BenchmarkSwitcher.FromAssembly(typeof(Halfspace.Benchmarks.DecodeBenchmarks).Assembly).Run(args);
