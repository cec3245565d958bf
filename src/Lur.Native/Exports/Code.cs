namespace Lur.Native.Exports;

/// <summary>What a call returns: LUR_OK and LUR_ERROR_* of lur.h.</summary>
internal enum Code
{
    Ok = 0,
    Argument = 1,
    Size = 2,
    Handle = 3,
    State = 4,
    Thread = 5,
    Forked = 6,
    NoDevice = 7,
    Device = 8,
    Compile = 9,
    Memory = 10,
    File = 11,
    Format = 12,
    Unsupported = 13,
    Cancelled = 14,
    NotFinite = 15,
    NewerOption = 16,
    Defect = 17,
}

/// <summary>A failure whose code is known where it happens.</summary>
/// <param name="code">Its code.</param>
/// <param name="message">One sentence.</param>
internal sealed class CodedException(Code code, string message) : Exception(message)
{
    /// <summary>Its code.</summary>
    public Code Code { get; } = code;
}
