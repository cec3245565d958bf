using System.Runtime.InteropServices;

namespace Lur.Native.Exports;

/// <summary>The one way into managed code. An exception that left it would end the host's process: all of them are caught here,
/// whatever the operation, so that none of the others needs to.</summary>
public static unsafe class EntryPoint
{
    private const int Defect = (int)Code.Defect;

    /// <summary>Does what the front asks for.</summary>
    /// <param name="operation">Operation.</param>
    /// <param name="self">What a handle of the front stands for; 0 for none.</param>
    /// <param name="arguments">Arguments of the operation.</param>
    /// <param name="failure">Receives what went wrong.</param>
    /// <returns>LUR_OK or LUR_ERROR_*.</returns>
    [UnmanagedCallersOnly(EntryPoint = "lur__call")]
    public static int Call(int operation, nint self, void* arguments, void* failure) =>
        Guarded((Operation)operation, self, (Arguments*)arguments, (Failure*)failure);

    /// <summary>As <see cref="Call"/>, for tests, which may not call it.</summary>
    internal static int Guarded(Operation operation, nint self, Arguments* arguments, Failure* failure)
    {
        try
        {
            Dispatcher.Run(operation, self == 0 ? null : GCHandle.FromIntPtr(self).Target, *arguments);
            return (int)Code.Ok;
        }
        catch (Exception e)
        {
            try
            {
                return failure->Set(e);
            }
            catch (Exception)
            {
                // Not even the text of the failure could be made.
                failure->Text[0] = 0;
                return Defect;
            }
        }
    }
}
