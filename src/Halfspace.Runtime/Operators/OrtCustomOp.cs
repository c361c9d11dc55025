using System.Runtime.InteropServices;

namespace Halfspace.Runtime.Operators;

/// <summary>ONNX Runtime's OrtCustomOp at version 17: a table of functions, of which the ones left null here are not needed.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct OrtCustomOp
{
    public uint Version;
    private readonly void* _createKernelV1;
    public delegate* unmanaged[Cdecl]<void*, byte*> GetName;
    public delegate* unmanaged[Cdecl]<void*, byte*> GetExecutionProviderType;
    public delegate* unmanaged[Cdecl]<void*, nuint, int> GetInputType;
    public delegate* unmanaged[Cdecl]<void*, nuint> GetInputTypeCount;
    public delegate* unmanaged[Cdecl]<void*, nuint, int> GetOutputType;
    public delegate* unmanaged[Cdecl]<void*, nuint> GetOutputTypeCount;
    private readonly void* _computeV1;
    public delegate* unmanaged[Cdecl]<void*, void> KernelDestroy;
    public delegate* unmanaged[Cdecl]<void*, nuint, int> GetInputCharacteristic;
    public delegate* unmanaged[Cdecl]<void*, nuint, int> GetOutputCharacteristic;
    public delegate* unmanaged[Cdecl]<void*, nuint, int> GetInputMemoryType;
    private readonly void* _variadicInputMinArity;
    private readonly void* _variadicInputHomogeneity;
    private readonly void* _variadicOutputMinArity;
    private readonly void* _variadicOutputHomogeneity;
    public delegate* unmanaged[Cdecl]<void*, nint, nint, void**, nint> CreateKernel;
    public delegate* unmanaged[Cdecl]<void*, nint, nint> Compute;
    private readonly void* _inferOutputShape; // the graph states the shape itself
    private readonly void* _startVersion;
    private readonly void* _endVersion;
}
