using System.Globalization;
using Lur.Cuda.BasicTypes;
using Lur.Cuda.VectorTypes;
using Drv = Lur.Cuda.DriverAPINativeMethods;

namespace Lur.Cuda;

/// <summary>A kernel of a loaded module with its launch extent.</summary>
public sealed unsafe class CudaKernel
{
    private readonly CUfunction _function;

    /// <summary>Looks a kernel up.</summary>
    /// <param name="kernelName">Its native name.</param>
    /// <param name="module">The module.</param>
    /// <exception cref="CudaException">The module has no such kernel.</exception>
    public CudaKernel(string kernelName, CUmodule module)
    {
        KernelName = kernelName;
        var result = Drv.ModuleManagement.cuModuleGetFunction(ref _function, module, kernelName);
        if (result != CUResult.Success)
            CudaException.Throw(result, "cuModuleGetFunction", $"kernel: {kernelName}");
    }

    /// <summary>The native name.</summary>
    public string KernelName { get; }

    /// <summary>The native function.</summary>
    public CUfunction CUFunction => _function;

    /// <summary>Blocks in the grid.</summary>
    public dim3 GridDimensions { get; set; } = new(1u);

    /// <summary>Threads in a block.</summary>
    public dim3 BlockDimensions { get; set; } = new(1u);

    /// <summary>Dynamic shared memory in bytes.</summary>
    public uint DynamicSharedMemory { get; set; }

    /// <summary>Registers a thread uses.</summary>
    public int Registers => Get(CUFunctionAttribute.NumRegs);

    /// <summary>Static shared memory in bytes.</summary>
    public int SharedMemory => Get(CUFunctionAttribute.SharedSizeBytes);

    /// <summary>Local memory of a thread in bytes.</summary>
    public int LocalMemory => Get(CUFunctionAttribute.LocalSizeBytes);

    /// <summary>Largest block the kernel can be launched with.</summary>
    public int MaxThreadsPerBlock => Get(CUFunctionAttribute.MaxThreadsPerBlock);

    /// <summary>
    /// Launches with boxed arguments, as ManagedCuda does: convenient, 24 B garbage per argument. Lur's own launches go
    /// through <see cref="DriverAPINativeMethods.Launch"/> and allocate nothing.
    /// </summary>
    /// <exception cref="ArgumentException">An argument is of a type that kernels do not take.</exception>
    /// <exception cref="CudaException">The launch was refused.</exception>
    public void RunAsync(CUstream stream, params object[] parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        var count = System.Math.Max(1, parameters.Length);
        var values = stackalloc ulong[count];
        var pointers = stackalloc void*[count];
        for (var i = 0; i < parameters.Length; i++)
        {
            pointers[i] = values + i;
            Store(values + i, parameters[i], i);
        }
        var (grid, block) = (GridDimensions, BlockDimensions);
        var result = Drv.Launch.cuLaunchKernel(
            _function,
            grid.x,
            grid.y,
            grid.z,
            block.x,
            block.y,
            block.z,
            DynamicSharedMemory,
            stream,
            pointers,
            null
        );
        if (result != CUResult.Success)
        {
            CudaException.Throw(
                result,
                "cuLaunchKernel",
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"kernel: {KernelName}, grid: {grid.x}x{grid.y}x{grid.z}, block: {block.x}x{block.y}x{block.z}"
                )
            );
        }
    }

    private void Store(ulong* slot, object value, int index)
    {
        switch (value)
        {
            case CUdeviceptr v:
                *slot = v.Pointer;
                break;
            case int v:
                *(int*)slot = v;
                break;
            case uint v:
                *(uint*)slot = v;
                break;
            case long v:
                *(long*)slot = v;
                break;
            case ulong v:
                *slot = v;
                break;
            case float v:
                *(float*)slot = v;
                break;
            case double v:
                *(double*)slot = v;
                break;
            case byte v:
                *(byte*)slot = v;
                break;
            default:
                throw new ArgumentException(
                    $"Argument {index} of kernel {KernelName} is {value?.GetType().Name ?? "null"}; kernels take "
                        + "CUdeviceptr, int, uint, long, ulong, float, double or byte.",
                    nameof(value)
                );
        }
    }

    private int Get(CUFunctionAttribute attribute)
    {
        var value = 0;
        Drv.FunctionManagement.cuFuncGetAttribute(ref value, attribute, _function).Check("cuFuncGetAttribute");
        return value;
    }
}
