namespace Lur.Reports;

/// <content>Columns of the trace of kernels (docs/kernels.md).</content>
public static partial class Glossary
{
    private static GlossaryEntry[] Kernels =>
        [
            new(
                "grid",
                "Grid",
                "Blocks of a launch in x, y and z.",
                "A GPU keeps busy with at least as many as it has multiprocessors, 132 on an H100."
            ),
            new(
                "block",
                "Block",
                "Threads of a block in x, y and z.",
                "32 of them, in order of x, are a warp and take one instruction together."
            ),
            new(
                "launches",
                "Launches",
                "How often a kernel is launched in the step.",
                "Each has a cost of its own beside its work; a step is better off with few."
            ),
            new(
                "load_sectors",
                "Load sectors / least",
                "Sectors of 32 bytes of global memory that the warps' loads touch, over those that their bytes take at the least.",
                "1 is coalesced; 8 is one float in each sector. Above 1.25 look at which index the lanes differ in.",
                "",
                "loadSectors"
            ),
            new(
                "store_sectors",
                "Store sectors / least",
                "The same for stores.",
                "1 is coalesced; 8 is one float in each sector.",
                "",
                "storeSectors"
            ),
            new(
                "bank_conflict",
                "Bank conflict",
                "The most different words that one of the 32 banks of shared memory is asked for at once.",
                "1-way is none; 32-way takes 32 times as long. A row of padding cures a tile that is read by columns.",
                "",
                "bankConflict"
            ),
            new(
                "active_lanes",
                "Active lanes",
                "Share of a warp's lanes that take part in its requests to memory.",
                "100 % uses the whole warp; a block sum of few numbers cannot.",
                "%",
                "activeLanes"
            ),
            new(
                "bytes_ratio",
                "Bytes / least",
                "Bytes of all sectors of a launch over those of the different words that it reads and writes.",
                "1 reads and writes everything once; above that a cache must serve the rest again.",
                "",
                "bytesRatio"
            ),
            new(
                "atomics",
                "Atomics",
                "Atomic operations, by lane.",
                "0 in every kernel whose result is a floating-point number: their order is not fixed."
            ),
            new(
                "part_of_the_step",
                "Part of the step",
                "Retain gradient, forget gradient, Hessian-vector product or update, as in docs/step.md.",
                "Of 'lur train --plan --device-model GPU'.",
                "",
                "section"
            ),
            new(
                "node",
                "Node",
                "A kernel, a matrix product (gemm) or a copy of the captured graph of a step.",
                "Each costs a start beside its work."
            ),
            new("nodes", "Nodes", "How many equal nodes a step has.", "Many short ones spend their time in being started."),
            new(
                "operations",
                "Operations",
                "Arithmetic of the nodes: 2 m n k for a product, 8 for each element that a kernel reads or writes.",
                "Divided by the rate of the GPU they are the time at the least."
            ),
            new(
                "occupancy",
                "Occupancy",
                "Share of a multiprocessor's warps that its registers and shared memory leave room for, the least of the nodes.",
                "Half is enough for most kernels that wait for memory."
            ),
            new(
                "predicted_time",
                "Predicted time",
                "Time on a GPU that is not here, by a roofline from bytes, operations and starts.",
                "A prediction and no measurement: a real step takes longer.",
                "ms",
                "predictedTime"
            ),
            new(
                "bound",
                "Bound by",
                "What decides the time of a node: memory, arithmetic, or that it is started.",
                "It says what to improve: fewer bytes, a faster product, fewer nodes."
            ),
            new(
                "part_of_the_time",
                "Part of the time",
                "What the predicted time of a step goes to, and the time in other precisions of products.",
                "The first four rows add up to the step.",
                "",
                "partOfTheTime"
            ),
        ];
}
