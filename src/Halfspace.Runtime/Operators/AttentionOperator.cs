using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;

namespace Halfspace.Runtime.Operators;

/// <summary>
/// Attention as an operator of ONNX Runtime: <c>halfspace.Attention(qkv [T, (Hq + 2 Hkv) d], run int64 [1]) → [T, Hq d]</c>, attributes
/// <c>layer</c> and <c>width</c> (Hq d). It rotates queries and keys, appends to the run's KV cache and attends, with its heads spread
/// over ONNX Runtime's own threads. <c>run</c> is a handle to an <see cref="IAttentionRun"/>.
/// </summary>
internal static unsafe class AttentionOperator
{
    /// <summary>The operator's domain in the graph.</summary>
    public const string Domain = "halfspace";

    /// <summary>The operator's name in the graph.</summary>
    public const string Name = "Attention";

    private const int Float = 1, Int64 = 7;

    // ONNX Runtime keeps pointers to the table, its name and the domain for as long as any session lives: they stay for the process.
    private static readonly byte* _name = Permanent("Attention\0"u8);
    private static readonly nint _domain = OrtApi.CreateDomain("halfspace\0"u8, Table());

    /// <summary>Makes the operator known to sessions made with these options.</summary>
    public static void Register(SessionOptions options) => OrtApi.AddDomain(options.DangerousGetHandle(), _domain);

    private static byte* Permanent(ReadOnlySpan<byte> text)
    {
        byte* memory = (byte*)NativeMemory.Alloc((nuint)text.Length);
        text.CopyTo(new Span<byte>(memory, text.Length));
        return memory;
    }

    private static OrtCustomOp* Table()
    {
        OrtCustomOp* table = (OrtCustomOp*)NativeMemory.AllocZeroed((nuint)sizeof(OrtCustomOp));
        table->Version = OrtApi.Version;
        table->GetName = (delegate* unmanaged[Cdecl]<void*, byte*>)&GetName;
        table->GetExecutionProviderType = (delegate* unmanaged[Cdecl]<void*, byte*>)&GetProvider;
        table->GetInputType = (delegate* unmanaged[Cdecl]<void*, nuint, int>)&GetInputType;
        table->GetInputTypeCount = (delegate* unmanaged[Cdecl]<void*, nuint>)&GetInputCount;
        table->GetOutputType = (delegate* unmanaged[Cdecl]<void*, nuint, int>)&GetOutputType;
        table->GetOutputTypeCount = (delegate* unmanaged[Cdecl]<void*, nuint>)&GetOutputCount;
        table->GetInputCharacteristic = (delegate* unmanaged[Cdecl]<void*, nuint, int>)&Zero;
        table->GetOutputCharacteristic = (delegate* unmanaged[Cdecl]<void*, nuint, int>)&Zero;
        table->GetInputMemoryType = (delegate* unmanaged[Cdecl]<void*, nuint, int>)&Zero;
        table->CreateKernel = (delegate* unmanaged[Cdecl]<void*, nint, nint, void**, nint>)&CreateKernel;
        table->Compute = (delegate* unmanaged[Cdecl]<void*, nint, nint>)&Compute;
        table->KernelDestroy = (delegate* unmanaged[Cdecl]<void*, void>)&Destroy;
        return table;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static byte* GetName(void* self) => _name;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static byte* GetProvider(void* self) => null;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int GetInputType(void* self, nuint index) => index == 0 ? Float : Int64;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint GetInputCount(void* self) => 2;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int GetOutputType(void* self, nuint index) => Float;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint GetOutputCount(void* self) => 1;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Zero(void* self, nuint index) => 0;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint CreateKernel(void* self, nint api, nint info, void** kernel)
    {
        try
        {
            Kernel* made = (Kernel*)NativeMemory.Alloc((nuint)sizeof(Kernel));
            *kernel = made;
            made->Layer = checked((int)OrtApi.Attribute(info, "layer\0"u8));
            made->Width = checked((int)OrtApi.Attribute(info, "width\0"u8));
            return 0;
        }
        catch (Exception e)
        {
            return OrtApi.Failure(e.Message);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Destroy(void* kernel) => NativeMemory.Free(kernel);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint Compute(void* kernel, nint context)
    {
        IAttentionRun? run = null;
        try
        {
            Kernel* self = (Kernel*)kernel;
            long handle = *(long*)OrtApi.Input(context, 1, out _, out _);
            run = (IAttentionRun)GCHandle.FromIntPtr((nint)handle).Target!;
            float* packed = (float*)OrtApi.Input(context, 0, out long rows, out long columns);
            float* output = OrtApi.Output(context, rows, self->Width);
            run.Execute(context, self->Layer, packed, checked((int)rows), checked((int)columns), output);
            return 0;
        }
        catch (Exception e)
        {
            run?.Fail(e);
            return OrtApi.Failure(e.Message);
        }
    }

    private struct Kernel
    {
        public int Layer;
        public int Width;
    }
}
