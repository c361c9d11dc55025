using System.Runtime.InteropServices;
using System.Text;

namespace Halfspace.Runtime.Operators;

/// <summary>
/// The part of ONNX Runtime's C API that a custom operator needs and the managed package does not expose. The table only ever
/// grows, so a function keeps its place in it.
/// </summary>
internal static unsafe class OrtApi
{
    /// <summary>The version of the table that is asked for: the first with everything used here.</summary>
    public const uint Version = 17;

    private static readonly void** _table = Load();

    private static readonly delegate* unmanaged[Cdecl]<int, byte*, nint> _createStatus = (delegate* unmanaged[Cdecl]<int, byte*, nint>)_table[0];
    private static readonly delegate* unmanaged[Cdecl]<nint, byte*> _getErrorMessage = (delegate* unmanaged[Cdecl]<nint, byte*>)_table[2];
    private static readonly delegate* unmanaged[Cdecl]<byte*, nint*, nint> _createDomain = (delegate* unmanaged[Cdecl]<byte*, nint*, nint>)_table[26];
    private static readonly delegate* unmanaged[Cdecl]<nint, void*, nint> _addToDomain = (delegate* unmanaged[Cdecl]<nint, void*, nint>)_table[27];
    private static readonly delegate* unmanaged[Cdecl]<nint, nint, nint> _addDomain = (delegate* unmanaged[Cdecl]<nint, nint, nint>)_table[28];
    private static readonly delegate* unmanaged[Cdecl]<nint, void**, nint> _tensorData = (delegate* unmanaged[Cdecl]<nint, void**, nint>)_table[51];
    private static readonly delegate* unmanaged[Cdecl]<nint, nuint*, nint> _dimensionCount = (delegate* unmanaged[Cdecl]<nint, nuint*, nint>)_table[61];
    private static readonly delegate* unmanaged[Cdecl]<nint, long*, nuint, nint> _dimensions = (delegate* unmanaged[Cdecl]<nint, long*, nuint, nint>)_table[62];
    private static readonly delegate* unmanaged[Cdecl]<nint, nint*, nint> _typeAndShape = (delegate* unmanaged[Cdecl]<nint, nint*, nint>)_table[65];
    private static readonly delegate* unmanaged[Cdecl]<nint, byte*, long*, nint> _attribute = (delegate* unmanaged[Cdecl]<nint, byte*, long*, nint>)_table[86];
    private static readonly delegate* unmanaged[Cdecl]<nint, nuint, nint*, nint> _input = (delegate* unmanaged[Cdecl]<nint, nuint, nint*, nint>)_table[90];
    private static readonly delegate* unmanaged[Cdecl]<nint, nuint, long*, nuint, nint*, nint> _output = (delegate* unmanaged[Cdecl]<nint, nuint, long*, nuint, nint*, nint>)_table[91];
    private static readonly delegate* unmanaged[Cdecl]<nint, void> _releaseStatus = (delegate* unmanaged[Cdecl]<nint, void>)_table[93];
    private static readonly delegate* unmanaged[Cdecl]<nint, void> _releaseShape = (delegate* unmanaged[Cdecl]<nint, void>)_table[99];

    private static readonly delegate* unmanaged[Cdecl]<nint, delegate* unmanaged[Cdecl]<void*, nuint, void>, nuint, nuint, void*, nint> _parallelFor =
        (delegate* unmanaged[Cdecl]<nint, delegate* unmanaged[Cdecl]<void*, nuint, void>, nuint, nuint, void*, nint>)_table[274];

    /// <summary>A failure that ONNX Runtime reports as the run's.</summary>
    public static nint Failure(string message)
    {
        fixed (byte* text = Encoding.UTF8.GetBytes(message + '\0'))
            return _createStatus(1, text);
    }

    /// <summary>A new domain that holds one operator.</summary>
    public static nint CreateDomain(ReadOnlySpan<byte> nameWithZero, void* customOperator)
    {
        nint domain;
        fixed (byte* text = nameWithZero) Check(_createDomain(text, &domain));
        Check(_addToDomain(domain, customOperator));
        return domain;
    }

    /// <summary>Makes a domain's operators known to the sessions of these options.</summary>
    public static void AddDomain(nint sessionOptions, nint domain) => Check(_addDomain(sessionOptions, domain));

    /// <summary>A node's integer attribute.</summary>
    public static long Attribute(nint kernelInfo, ReadOnlySpan<byte> nameWithZero)
    {
        long value;
        fixed (byte* text = nameWithZero) Check(_attribute(kernelInfo, text, &value));
        return value;
    }

    /// <summary>The data of input <paramref name="index"/>, and its first two dimensions (1 where there is none).</summary>
    public static void* Input(nint context, int index, out long rows, out long columns)
    {
        nint value, shape;
        nuint rank;
        void* data;
        long* dimensions = stackalloc long[4];
        Check(_input(context, (nuint)index, &value));
        Check(_typeAndShape(value, &shape));
        Check(_dimensionCount(shape, &rank));
        nint failed = rank > 4 ? Failure("an input of attention has more than four dimensions") : _dimensions(shape, dimensions, rank);
        _releaseShape(shape);
        Check(failed);
        rows = rank > 0 ? dimensions[0] : 1;
        columns = rank > 1 ? dimensions[1] : 1;
        Check(_tensorData(value, &data));
        return data;
    }

    /// <summary>Output 0 with shape [rows, columns].</summary>
    public static float* Output(nint context, long rows, long columns)
    {
        nint value;
        void* data;
        long* dimensions = stackalloc long[2] { rows, columns };
        Check(_output(context, 0, dimensions, 2, &value));
        Check(_tensorData(value, &data));
        return (float*)data;
    }

    /// <summary>Calls <paramref name="body"/> for 0 … count − 1 on the session's own threads; returns when all are done.</summary>
    public static void ParallelFor(nint context, delegate* unmanaged[Cdecl]<void*, nuint, void> body, int count, void* state) =>
        Check(_parallelFor(context, body, (nuint)count, 0, state));

    private static void Check(nint status)
    {
        if (status == 0) return;
        string message = Marshal.PtrToStringUTF8((nint)_getErrorMessage(status)) ?? "unknown";
        _releaseStatus(status);
        throw new InvalidOperationException("ONNX Runtime: " + message);
    }

    private static void** Load()
    {
        nint library = NativeLibrary.Load("onnxruntime", typeof(OrtApi).Assembly, null);
        var getBase = (delegate* unmanaged[Cdecl]<void**>)NativeLibrary.GetExport(library, "OrtGetApiBase");
        var getApi = (delegate* unmanaged[Cdecl]<uint, void**>)getBase()[0];
        void** table = getApi(Version);
        return table != null ? table : throw new DllNotFoundException($"This ONNX Runtime is too old: version {Version} of its C API is needed.");
    }
}
