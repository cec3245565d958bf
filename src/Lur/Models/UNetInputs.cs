namespace Lur.Models;

/// <summary>Names of a UNet's inputs beside its images.</summary>
public static class UNetInputs
{
    /// <summary>Time steps, int [N].</summary>
    public const string Time = "time";

    /// <summary>Classes, int [N].</summary>
    public const string Class = "classes";

    /// <summary>Rows of a prompt, real [N, rows, width].</summary>
    public const string Context = "context";
}
