using System.Runtime.ExceptionServices;

namespace Halfspace.Cli.Bench.Attention;

/// <summary>Threads that wait for work by spinning, the caller's among them, as a runtime's do between operators.</summary>
internal sealed class WorkerPool : IDisposable
{
    private readonly Thread[] _workers;
    private readonly ManualResetEventSlim _opened = new(false, spinCount: 0);
    private volatile bool _open, _stopping;
    private volatile int _epoch, _busy;
    private int _next, _items;
    private Action<int, int> _work = static (_, _) => { };
    private Exception? _failure;

    /// <param name="threads">Threads that work, at least 1.</param>
    public WorkerPool(int threads)
    {
        Threads = threads;
        _workers = new Thread[threads - 1];
        for (int i = 0; i < _workers.Length; i++)
        {
            int worker = i + 1;
            _workers[i] = new Thread(() => Wait(worker)) { IsBackground = true, Name = $"attention {worker}" };
            _workers[i].Start();
        }
    }

    /// <summary>Threads that work.</summary>
    public int Threads { get; }

    /// <summary>From here on the threads spin.</summary>
    public void Open()
    {
        _open = true;
        _opened.Set();
    }

    /// <summary>From here on they sleep.</summary>
    public void Close()
    {
        _opened.Reset();
        _open = false;
    }

    /// <summary>Calls work(item, thread) for each item, on whichever thread is free, while the pool is open.</summary>
    public void Run(int items, Action<int, int> work)
    {
        _items = items;
        _work = work;
        _next = 0;
        _failure = null;
        _busy = _workers.Length;
        _epoch++; // Publishes the rest: workers read it first.
        Work(0);
        for (int i = 1; _busy > 0; i++) Spin(i);
        if (_failure is { } failure) ExceptionDispatchInfo.Throw(failure);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stopping = true;
        Close();
        _opened.Set();
        foreach (Thread worker in _workers) worker.Join();
        _opened.Dispose();
    }

    private void Wait(int worker)
    {
        int seen = 0;
        while (true)
        {
            _opened.Wait();
            if (_stopping) return;
            for (int i = 1; _open; i++)
            {
                if (_epoch == seen)
                {
                    Spin(i);
                    continue;
                }

                seen = _epoch;
                Work(worker);
                Interlocked.Decrement(ref _busy);
            }
        }
    }

    private void Work(int worker)
    {
        try
        {
            while (true)
            {
                int item = Interlocked.Increment(ref _next) - 1;
                if (item >= _items) return;
                _work(item, worker);
            }
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref _failure, e, null);
        }
    }

    // More threads than processors must get their turn.
    private static void Spin(int turn)
    {
        if (turn % 4096 == 0) Thread.Yield();
        else Thread.SpinWait(1);
    }
}
