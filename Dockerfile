# The whole HTTP API over the model in the box: `florence serve` on the CPU.
#
#   docker build -t florence .
#   docker run -p 8080:8080 -v florence:/data -e FLORENCE_ADMIN_KEY=… \
#     -e FLORENCE_PUBLIC_URL=https://florence.example.com \
#     --stop-timeout 40 florence
#
# Everything kept is in /data. Settings are FLORENCE_* variables: docs/serve.md.
# Requests under way have 30 seconds when it is told to end; Docker gives 10
# unless --stop-timeout says more.

FROM node:24-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages/client/package.json ./packages/client/
# .npmrc keeps onnxruntime-node from fetching CUDA libraries. Optional is
# TypeScript alone, whose types nobody asks for here; the workspace's own package
# is not part of the server. ONNX Runtime comes for every system and processor:
# one of them is this one's.
RUN npm ci --omit=dev --omit=optional \
  && rm -r node_modules/@florence-edge \
  && find node_modules/onnxruntime-node/bin -mindepth 3 -maxdepth 3 \
    ! -path "*/linux/$(node -p process.arch)" -exec rm -r {} +

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY src ./src
COPY models/box/bundle ./models/box/bundle
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 8080
ENV FLORENCE_HOST=0.0.0.0 FLORENCE_PORT=8080 FLORENCE_DATA=/data
# glibc gives each busy thread an arena of its own, which keeps what it once took.
ENV MALLOC_ARENA_MAX=2

# Ready: models loaded, and not about to end.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD \
  ["node", "-e", "fetch('http://127.0.0.1:8080/v1/health/ready').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]

# Node itself is process 1, so that SIGTERM reaches the server, which drains.
ENTRYPOINT ["node", "src/cli/florence.js", "serve"]
